// node generators.js FOLDER: what code generators and linters that we didn't write say of FOLDER/schema.graphql and of the documents in
// FOLDER/web and FOLDER/phone. One line of JSON: the findings of each, none if all is well.
import graphqlESLint from "@graphql-eslint/eslint-plugin";
import { generate } from "@graphql-codegen/cli";
import { ESLint } from "eslint";
import { execFile } from "node:child_process";
import { cp, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";

const folder = process.argv[2];
const schema = join(folder, "schema.graphql");
const guides = { web: join(folder, "web/*.graphql"), phone: join(folder, "phone/*.graphql") };
const clients = await readFile(join(import.meta.dirname, "../../../docs/api/clients.md"), "utf8");
const pairs = clients.match(/scalars: \{ (.*) \}/)[1].split(", ").map((pair) => pair.split(": "));
const scalars = Object.fromEntries(pairs.map(([name, type]) => [name, type.replaceAll("'", "")]));

// Findings that stay, each with its reason.
const EXCEPTIONS = {
  // Results, figures, previews and settings are part of what is around them (docs/api/clients.md).
  "@graphql-eslint/strict-id-in-types": "off",
  // Lists that stay short, such as the lines of an invoice, are no connections. An event's id is its number in the log.
  "@graphql-eslint/relay-edge-types": ["error", { listTypeCanWrapOnlyEdgeType: false, shouldImplementNode: false, withEdgeSuffix: true }],
  // Lists are read forwards.
  "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
  // depositedOn, refundedAt, refundedBy, username: the field's words.
  "@graphql-eslint/no-typename-prefix": "off",
  // @oneOf is GraphQL's own directive.
  "@graphql-eslint/require-description": ["error", { types: true, DirectiveDefinition: false }],
};

async function codegen(documents) {
  const config = { strictScalars: true, scalars };
  const plugins = ["typescript", "typescript-operations"];
  try {
    const files = await generate({ schema, documents, silent: true, generates: { "out.ts": { plugins, config } } }, false);
    return files.every((file) => file.content.includes("Rupiah")) ? [] : ["nothing was generated"];
  } catch (error) {
    return [String(error.message ?? error).slice(0, 2000)];
  }
}

async function eslint() {
  const { configs } = graphqlESLint;
  const documents = Object.values(guides);
  const parserOptions = { graphQLConfig: { schema, documents } };
  const linter = new ESLint({
    cwd: folder,
    overrideConfigFile: true,
    overrideConfig: [
      { files: ["**/*.graphql"], languageOptions: { parser: graphqlESLint.parser, parserOptions }, plugins: { "@graphql-eslint": graphqlESLint } },
      { files: ["schema.graphql"], rules: { ...configs["flat/schema-recommended"].rules, ...configs["flat/schema-relay"].rules, ...EXCEPTIONS } },
      { files: ["web/*.graphql", "phone/*.graphql"], rules: configs["flat/operations-recommended"].rules },
    ],
  });
  const results = await linter.lintFiles([schema, ...documents]);
  return results.flatMap(({ filePath, messages }) => messages.map((one) => `${filePath}:${one.line} ${one.ruleId} ${one.message}`));
}

async function relay() {
  await cp(join(import.meta.dirname, "relay"), join(folder, "relay"), { recursive: true });
  const config = { src: "./relay", schema: "./schema.graphql", language: "javascript", customScalarTypes: {} };
  await writeFile(join(folder, "relay.config.json"), JSON.stringify(config));
  const compiler = createRequire(import.meta.url).resolve("relay-compiler/cli.js");
  try {
    await promisify(execFile)(process.execPath, [compiler, "relay.config.json"], { cwd: folder });
    return [];
  } catch (error) {
    return [`${error.stdout}${error.stderr}`.slice(0, 2000)];
  }
}

const findings = { relay: await relay(), eslint: await eslint() };
for (const [guide, documents] of Object.entries(guides)) {
  findings[`codegen ${guide}`] = await codegen(documents);
}
console.log(JSON.stringify(findings));
process.exit(0);
