/** Attesters by name, with the options that each takes; others plug in beside ours. */
import { InclavareError } from "@inclavare/errors";
import type { Quoter } from "./quoter.ts";

/** One way to make evidence. */
export interface AttesterPlugin<Name extends string, Options> {
  /** Such as `aesm`. */
  readonly name: Name;
  /** For people. */
  readonly summary: string;
  /** Why it cannot work here; `undefined` where nothing speaks against it. Nothing is changed by asking. */
  readonly probe: (options: Options) => Promise<string | undefined>;
  /** @throws InclavareError the reasons of its source */
  readonly open: (options: Options) => Promise<Quoter>;
}

type AnyPlugin = AttesterPlugin<string, never>;
type OptionsOf<P extends AnyPlugin, Name extends string> =
  Extract<P, { readonly name: Name }> extends AttesterPlugin<Name, infer Options> ? Options : never;

/** An immutable set of plugins: `with` gives a larger one, whose `open` knows the options of each name. */
export class AttesterRegistry<P extends AnyPlugin = never> {
  readonly #plugins: ReadonlyMap<string, AnyPlugin>;

  private constructor(plugins: ReadonlyMap<string, AnyPlugin>) {
    this.#plugins = plugins;
  }

  static readonly empty: AttesterRegistry = new AttesterRegistry(new Map());

  /** @throws InclavareError ERR_INTERNAL for a name that is taken: which of two was meant, nobody could say */
  with<Q extends AnyPlugin>(plugin: Q): AttesterRegistry<P | Q> {
    if (this.#plugins.has(plugin.name)) {
      throw new InclavareError("ERR_INTERNAL", `an attester named "${plugin.name}" is registered already`);
    }
    return new AttesterRegistry(new Map<string, AnyPlugin>([...this.#plugins, [plugin.name, plugin]]));
  }

  get names(): readonly string[] {
    return [...this.#plugins.keys()];
  }

  /** @throws InclavareError ERR_ATTESTER_UNKNOWN, and what the plugin throws */
  async open<Name extends P["name"]>(name: Name, options: OptionsOf<P, Name>): Promise<Quoter> {
    return await this.#find(name).open(options as never);
  }

  /** As {@link AttesterPlugin.probe}. @throws InclavareError ERR_ATTESTER_UNKNOWN */
  async probe<Name extends P["name"]>(name: Name, options: OptionsOf<P, Name>): Promise<string | undefined> {
    return await this.#find(name).probe(options as never);
  }

  #find(name: string): AnyPlugin {
    const plugin = this.#plugins.get(name);
    if (plugin !== undefined) return plugin;
    const message = `there is no attester "${name}", only ${this.names.join(", ")}`;
    throw new InclavareError("ERR_ATTESTER_UNKNOWN", message);
  }
}
