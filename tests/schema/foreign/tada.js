// node tada.js FOLDER [RIGHT WRONG]: what gql.tada and TypeScript say of the month's documents and of code that uses their types, by
// FOLDER/schema.graphql; with RIGHT replaced by WRONG in both. One line of JSON: the findings, none if all is well.
import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url);
const [folder, right, wrong] = process.argv.slice(2);
const text = readFileSync(join(import.meta.dirname, "month.graphql"), "utf8");
const guide = readFileSync(join(import.meta.dirname, "../../../docs/api/clients.md"), "utf8");
const scalars = guide.match(/scalars: (\{ .* \})/)[1].replaceAll("'", "").replaceAll(",", ";");

const blocks = text.trim().split(/\n\n(?=query|mutation|fragment)/);
const isFragment = (block) => block.startsWith("fragment");
const documents = [...blocks.filter(isFragment), ...blocks.filter((block) => !isFragment(block))].map((block) => {
  const fragments = [...new Set([...block.matchAll(/\.\.\.(\w+)/g)].map(([, fragment]) => fragment))];
  return `const ${block.match(/^\w+ (\w+)/)[1]} = graphql(\`${block}\`${fragments.length ? `, [${fragments}]` : ""});`;
});
const app = `
import { initGraphQLTada, type ResultOf, type VariablesOf } from "gql.tada";
import type { introspection } from "./graphql-env";
const graphql = initGraphQLTada<{ introspection: introspection; disableMasking: true; scalars: ${scalars} }>();
${documents.join("\n")}
type Result<T> = Exclude<T, null | undefined>;
export function totals(recap: ResultOf<typeof Recap>): number {
  return (recap.recap ?? []).reduce((sum, row) => sum + row.totalReceived - row.outstanding, 0);
}
type Owed = { name: string; outstanding: number; dueOn: string };
export function owed(page: ResultOf<typeof Owing>): Owed[] {
  const owing: Result<ResultOf<typeof Owing>["customers"]> = page.customers!;
  return owing.nodes.flatMap((customer) => (customer.openInvoices ?? []).map(({ outstanding, dueOn }) => ({ name: customer.name, outstanding, dueOn })));
}
export function payment(setup: ResultOf<typeof Setup>, customerId: string): VariablesOf<typeof RecordPayment> {
  const plan = setup.plans!.nodes[0]!;
  return { input: { customerId, amount: plan.price ?? 0, idempotencyKey: "pay-ani-1", method: "CASH" } };
}
export const codes = (answer: ResultOf<typeof RecordPayment>) => answer.recordPayment.errors.map((error) => error.code === "NOT_FOUND");
export const uses = [SignIn, CreateCustomer, OpenPeriod, GenerateInvoices, RecordPayments, ReversePayment, SubmitDeposit, VerifyDeposit];
`;

const plugin = { name: "gql.tada/ts-plugin", schema: "./schema.graphql", tadaOutputLocation: "./graphql-env.d.ts" };
const compilerOptions = { strict: true, noEmit: true, skipLibCheck: true, target: "es2022", module: "esnext", moduleResolution: "bundler", types: [], plugins: [plugin] };
writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.ts"] }));
writeFileSync(join(folder, "app.ts"), right ? app.replaceAll(right, wrong) : app);
symlinkSync(join(import.meta.dirname, "node_modules"), join(folder, "node_modules"));

const cli = join(import.meta.dirname, "node_modules/gql.tada/bin/cli.js");
const findings = [];
for (const command of [[cli, "generate-output"], [cli, "check"], [require.resolve("typescript/bin/tsc"), "-p", "tsconfig.json"]]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: "utf8", env: { ...process.env, CI: "true" } });
  if (status !== 0) findings.push(`${command.slice(1)}: ${stdout}${stderr}`.slice(0, 2000));
}
console.log(JSON.stringify(findings));
