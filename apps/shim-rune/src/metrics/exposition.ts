/** Metrics in the text format of Prometheus, version 0.0.4: what a shim needs of it. See docs/adr/0016-own-metrics.md. */

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;

/** A family of metrics as it is exposed. */
export interface Family {
  render(): string;
}

/** Counts by one label. */
export class Counter implements Family {
  readonly #name: string;
  readonly #help: string;
  readonly #label: string;
  readonly #values = new Map<string, number>();

  constructor(name: string, help: string, label: string) {
    this.#name = name;
    this.#help = help;
    this.#label = label;
  }

  add(value: string): void {
    this.#values.set(value, (this.#values.get(value) ?? 0) + 1);
  }

  render(): string {
    const samples = [...this.#values].map(([value, count]) => sample(this.#name, { [this.#label]: value }, count));
    return family(this.#name, this.#help, "counter", samples);
  }
}

/** A value that is asked for when it is looked at. */
export class Gauge implements Family {
  readonly #name: string;
  readonly #help: string;
  readonly #labels: Labels;
  readonly #read: () => number;

  constructor(name: string, help: string, read: () => number, labels: Labels = {}) {
    this.#name = name;
    this.#help = help;
    this.#read = read;
    this.#labels = labels;
  }

  render(): string {
    return family(this.#name, this.#help, "gauge", [sample(this.#name, this.#labels, this.#read())]);
  }
}

interface Distribution {
  /** How many fell into each bucket and no earlier one; the last are those beyond all bounds. */
  readonly counts: number[];
  sum: number;
}

/** How values are distributed, by one label. */
export class Histogram implements Family {
  readonly #name: string;
  readonly #help: string;
  readonly #label: string;
  readonly #bounds: readonly number[];
  readonly #values = new Map<string, Distribution>();

  /** @param bounds upper bounds of the buckets, rising; +Inf is added */
  constructor(name: string, help: string, label: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#label = label;
    this.#bounds = bounds;
  }

  observe(value: string, observed: number): void {
    const known = this.#values.get(value) ?? {
      counts: Array.from({ length: this.#bounds.length + 1 }, () => 0),
      sum: 0,
    };
    this.#values.set(value, known);
    const found = this.#bounds.findIndex((bound) => observed <= bound);
    const bucket = found === -1 ? this.#bounds.length : found;
    known.counts[bucket] = (known.counts[bucket] ?? 0) + 1;
    known.sum += observed;
  }

  render(): string {
    const samples = [...this.#values].flatMap(([value, { counts, sum }]) => {
      const labels = { [this.#label]: value };
      let below = 0;
      const buckets = counts.map((count, index) => {
        below += count;
        const le = String(this.#bounds[index] ?? "+Inf");
        return sample(`${this.#name}_bucket`, { ...labels, le }, below);
      });
      return [...buckets, sample(`${this.#name}_sum`, labels, sum), sample(`${this.#name}_count`, labels, below)];
    });
    return family(this.#name, this.#help, "histogram", samples);
  }
}

function family(name: string, help: string, type: string, samples: readonly string[]): string {
  return `# HELP ${name} ${escape(help)}\n# TYPE ${name} ${type}\n${samples.join("")}`;
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escape(text).replaceAll('"', String.raw`\"`)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
}

function escape(text: string): string {
  return text.replaceAll("\\", String.raw`\\`).replaceAll("\n", String.raw`\n`);
}
