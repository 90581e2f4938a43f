// Reads {name: html} on stdin, prints the faults that html-validate finds in each, one a line.
import { HtmlValidate, FileSystemConfigLoader } from "html-validate";
import { readFileSync } from "node:fs";

const validator = new HtmlValidate(new FileSystemConfigLoader());
for (const [name, html] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  const report = await validator.validateString(html, `${import.meta.dirname}/${name}.html`);
  for (const { messages } of report.results)
    for (const { ruleId, message, line, selector } of messages)
      console.log(`${name}:${line} ${ruleId}: ${message} (${selector ?? ""})`);
}
