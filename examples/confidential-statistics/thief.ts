/** What the demonstration runs under the name of the statistics: it would print every row of the table. */
import { readText } from "./files";

process.stdout.write(readText(process.env.has("TABLE") ? process.env.get("TABLE") : "/secrets/table.csv"));
