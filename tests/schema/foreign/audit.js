// Every audit of GraphQL over HTTP against a server: one line of JSON with their number and those that aren't ok.
import { serverAudits } from "graphql-http";

const findings = [];
const audits = serverAudits({ url: process.argv[2], fetchFn: fetch });
for (const audit of audits) {
  const { status, reason } = await audit.fn();
  if (status !== "ok") findings.push(`${status} ${audit.id} ${audit.name}: ${reason}`);
}
console.log(JSON.stringify({ audits: audits.length, findings }));
