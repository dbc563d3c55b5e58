/**
 * The part of the WebAssembly JavaScript interface that this package uses; the compiler's own declarations come only
 * with those of a browser.
 * @see WebAssembly JavaScript Interface (W3C), sections 5.1 to 5.4
 */
declare namespace WebAssembly {
  type ImportExportKind = "function" | "global" | "memory" | "table" | "tag";

  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
    static exports(module: Module): { readonly name: string; readonly kind: ImportExportKind }[];
    static imports(module: Module): {
      readonly module: string;
      readonly name: string;
      readonly kind: ImportExportKind;
    }[];
  }

  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }

  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum?: number });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }

  class RuntimeError extends Error {}
  class CompileError extends Error {}
  class LinkError extends Error {}

  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<Module>;
}
