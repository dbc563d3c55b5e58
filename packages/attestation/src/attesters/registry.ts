/** Attesters by name, with the options that each takes; others plug in beside ours. */
import { InclavareError } from "@inclavare/errors";
import type { Quoter } from "./quoter.ts";

/** One way to make evidence. */
export interface AttesterPlugin<Name extends string = string, Options extends object = object> {
  /** Such as `aesm`. */
  readonly name: Name;
  /** For people. */
  readonly summary: string;
  /** Why it cannot work here; `undefined` where nothing speaks against it. Nothing is changed by asking. */
  readonly probe: (options: Options) => Promise<string | undefined>;
  /** @throws InclavareError the reasons of its source */
  readonly open: (options: Options) => Promise<Quoter>;
}

/** The options of each plugin by its name. */
type OptionsByName = Readonly<Record<string, object>>;

/** An immutable set of plugins: `with` gives a larger one, whose `open` knows the options of each name. */
export class AttesterRegistry<T extends OptionsByName = Readonly<Record<never, object>>> {
  readonly #plugins: ReadonlyMap<string, AttesterPlugin>;

  private constructor(plugins: ReadonlyMap<string, AttesterPlugin>) {
    this.#plugins = plugins;
  }

  static readonly empty: AttesterRegistry = new AttesterRegistry(new Map());

  /** @throws InclavareError ERR_INTERNAL for a name that is taken: which of two was meant, nobody could say */
  with<const Name extends string, Options extends object>(
    plugin: AttesterPlugin<Name, Options>,
  ): AttesterRegistry<T & Readonly<Record<Name, Options>>> {
    if (this.#plugins.has(plugin.name)) {
      throw new InclavareError("ERR_INTERNAL", `an attester named "${plugin.name}" is registered already`);
    }
    return new AttesterRegistry(new Map([...this.#plugins, [plugin.name, plugin as unknown as AttesterPlugin]]));
  }

  get names(): readonly string[] {
    return [...this.#plugins.keys()];
  }

  /** @throws InclavareError ERR_ATTESTER_UNKNOWN, and what the plugin throws */
  async open<Name extends keyof T & string>(name: Name, options: T[Name]): Promise<Quoter> {
    return await this.#find(name).open(options);
  }

  /** As {@link AttesterPlugin.probe}. @throws InclavareError ERR_ATTESTER_UNKNOWN */
  async probe<Name extends keyof T & string>(name: Name, options: T[Name]): Promise<string | undefined> {
    return await this.#find(name).probe(options);
  }

  #find(name: string): AttesterPlugin {
    const plugin = this.#plugins.get(name);
    if (plugin !== undefined) return plugin;
    const message = `there is no attester "${name}", only ${this.names.join(", ")}`;
    throw new InclavareError("ERR_ATTESTER_UNKNOWN", message);
  }
}
