// Reads one JSON document ({name, html}) a line, answers with one line: the faults that html-validate finds, as a list.
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { FileSystemConfigLoader, HtmlValidate } from "html-validate";

const validator = new HtmlValidate(new FileSystemConfigLoader());
for await (const line of createInterface({ input: process.stdin })) {
  const { name, html } = JSON.parse(line);
  const report = await validator.validateString(html, fileURLToPath(new URL(`${name}.html`, import.meta.url)));
  const faults = report.results.flatMap(({ messages }) => messages);
  console.log(JSON.stringify(faults.map((fault) => `${fault.ruleId}: ${fault.message} (line ${fault.line}, ${fault.selector ?? ""})`)));
}
