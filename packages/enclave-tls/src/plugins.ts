import type { Attester, Evidence } from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";
import type { Appraise } from "./policy.ts";

type EvidenceFormat = Evidence["format"];

/** A source of evidence that can be asked for by name. */
export interface AttesterPlugin<Name extends string, Options> {
  readonly name: Name;
  /** Opens the source; an error is the answer to whoever asked for it, and no other source is tried instead. */
  readonly open: (options: Options) => Promise<Attester> | Attester;
}

/** A judge of some formats of evidence. */
export interface VerifierPlugin<Name extends string> {
  readonly name: Name;
  readonly formats: readonly EvidenceFormat[];
  readonly appraise: Appraise;
}

/** What each attester is opened with, by its name. */
type OptionsByName = Readonly<Record<string, unknown>>;
type NoAttesters = { readonly [Name in string as never]: unknown };

/**
 * Attesters and verifiers by name, for programs that choose at run time. Every registration is written down where the
 * program starts and carries its type; nothing is loaded from a directory, and there is neither a priority nor a fallback:
 * what is not registered is refused, never replaced by something weaker.
 */
export class Plugins<Attesters extends OptionsByName = NoAttesters> {
  readonly #attesters: ReadonlyMap<string, AttesterPlugin<string, never>>;
  readonly #verifiers: ReadonlyMap<EvidenceFormat, VerifierPlugin<string>>;

  private constructor(
    attesters: ReadonlyMap<string, AttesterPlugin<string, never>>,
    verifiers: ReadonlyMap<EvidenceFormat, VerifierPlugin<string>>,
  ) {
    this.#attesters = attesters;
    this.#verifiers = verifiers;
  }

  static none(): Plugins {
    return new Plugins(new Map(), new Map());
  }

  get attesters(): readonly string[] {
    return [...this.#attesters.keys()];
  }

  /** These and one more attester. @throws InclavareError ERR_TLS_PLUGIN where the name is taken */
  withAttester<Name extends string, Options>(
    plugin: AttesterPlugin<Name, Options>,
  ): Plugins<Attesters & Readonly<Record<Name, Options>>> {
    if (this.#attesters.has(plugin.name)) throw taken(`attester "${plugin.name}"`);
    return new Plugins(new Map(this.#attesters).set(plugin.name, plugin), this.#verifiers);
  }

  /** These and one more verifier. @throws InclavareError ERR_TLS_PLUGIN where one of its formats has a verifier */
  withVerifier<Name extends string>(plugin: VerifierPlugin<Name>): Plugins<Attesters> {
    const verifiers = new Map(this.#verifiers);
    for (const format of plugin.formats) {
      const before = verifiers.get(format);
      if (before !== undefined) throw taken(`format "${format}" of verifier "${plugin.name}", by "${before.name}",`);
      verifiers.set(format, plugin);
    }
    return new Plugins(this.#attesters, verifiers);
  }

  /** Opens one attester. @throws InclavareError ERR_TLS_PLUGIN where there is none of that name; the attester's own reasons */
  async attester<Name extends keyof Attesters & string>(name: Name, options: Attesters[Name]): Promise<Attester> {
    const plugin = this.#attesters.get(name) as AttesterPlugin<Name, Attesters[Name]> | undefined;
    if (plugin !== undefined) return await plugin.open(options);
    throw new InclavareError("ERR_TLS_PLUGIN", `there is no attester "${name}"`, {
      details: { registered: [...this.#attesters.keys()] },
    });
  }

  /** For a policy: each proof goes to the verifier of its format. @throws InclavareError ERR_TLS_PLUGIN where there is none */
  get appraise(): Appraise {
    return async (evidence, ...rest) => {
      const plugin = this.#verifiers.get(evidence.format);
      if (plugin !== undefined) return await plugin.appraise(evidence, ...rest);
      throw new InclavareError("ERR_TLS_PLUGIN", `there is no verifier for evidence of format ${evidence.format}`, {
        details: { registered: [...this.#verifiers.keys()] },
      });
    };
  }
}

function taken(what: string): InclavareError {
  return new InclavareError("ERR_TLS_PLUGIN", `${what} is registered already`);
}
