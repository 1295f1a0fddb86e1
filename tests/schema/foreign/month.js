// node month.js CLIENT URL FOLDER PASSWORD: a billing month as Apollo Client, urql, graphql-request or an app compiled by Relay walk through it;
// FOLDER/schema.graphql is what Relay compiles it with. One line of JSON: the month's figures, those of month.py. The documents are those of
// month.graphql.
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { Client, fetchExchange } from "@urql/core";
import { parse, separateOperations, print } from "graphql";
import { GraphQLClient } from "graphql-request";
import { createClient } from "graphql-ws";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import WebSocket from "ws";

const require = createRequire(import.meta.url);
const [name, url, folder, password] = process.argv.slice(2);
const month = "2026-02";
const text = readFileSync(join(import.meta.dirname, "month.graphql"), "utf8");
const documents = Object.fromEntries(Object.entries(separateOperations(parse(text))).map(([operation, document]) => [operation, print(document)]));
let token;
const authorized = (address, options) => {
  const headers = new Headers(options.headers);
  if (token) headers.set("authorization", `Bearer ${token}`);
  return fetch(address, { ...options, headers });
};

async function walk(run) {
  const done = async (operation, input) => {
    const [payload] = Object.values(await run(operation, { input }));
    if (payload.errors.length) throw new Error(`${operation}: ${JSON.stringify(payload.errors)}`);
    return payload;
  };
  const signIn = async (username) => (({ token } = await done("SignIn", { username, password })));

  await signIn("admin");
  const setup = await run("Setup", {});
  const [counter] = setup.counters.nodes, [plan] = setup.plans.nodes;
  const place = { counterId: counter.id, planId: plan.id, installedOn: "2025-01-31" };
  for (const customer of ["Ani", "Beni"]) await done("CreateCustomer", { code: customer.toUpperCase(), name: customer, ...place });
  const twice = (await run("CreateCustomer", { input: { code: "ANI", name: "", ...place } })).createCustomer;
  await done("OpenPeriod", { month, confirm: true });
  const issued = (await done("GenerateInvoices", { month, idempotencyKey: "run-month" })).run;
  await signIn("kasir");
  const owing = [];
  for (let page = { hasNextPage: true, endCursor: null }; page.hasNextPage; ) {
    const { nodes, pageInfo } = (await run("Owing", { first: 1, after: page.endCursor })).customers;
    owing.push(...nodes);
    page = pageInfo;
  }
  const [ani, beni] = owing;
  const invoiceIds = ani.openInvoices.map(({ id }) => id);
  const paid = (await done("RecordPayment", { customerId: ani.id, amount: plan.price, idempotencyKey: "pay-ani-1", invoiceIds })).payment;
  const times = { 50000: "2026-02-03T08:30:00.000", 60000: "2026-02-03T01:30:00.000Z" };
  const payments = Object.entries(times).map(([amount, collectedAt]) => ({
    customerId: beni.id, amount: Number(amount), idempotencyKey: `offline-${amount}`, collectedAt,
  }));
  const [first, second] = (await done("RecordPayments", { payments })).results;
  const sentAgain = payments.map((payment) => ({ ...payment, collectedAt: "2026-02-03T01:30:00.000Z" }));
  const again = (await done("RecordPayments", { payments: sentAgain })).results;
  const { deposit } = await done("SubmitDeposit", { counterId: counter.id, amount: 200000, idempotencyKey: "deposit-1" });
  await signIn("admin");
  await done("ReversePayment", { paymentId: second.payment.id, reason: "Salah pelanggan", idempotencyKey: "reverse-60" });
  const verified = (await done("VerifyDeposit", { depositId: deposit.id, idempotencyKey: "verify-1" })).deposit;
  const [recap] = (await run("Recap", { month })).recap;
  return {
    refused: twice.errors.map(({ code, field }) => `${code} ${field.join(".")}`).sort(),
    issued: [issued.status, issued.issued, issued.totalAmount],
    owing: owing.map((customer) => [customer.name, customer.outstanding]),
    paid: [paid.customer.outstanding, paid.allocations.map(({ invoice }) => invoice.status)],
    offline: [first, second, ...again].map(({ errors, replayed }) => [errors.map(({ code }) => code), replayed]),
    deposit: verified.status,
    recap,
  };
}

async function apollo() {
  const client = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url, fetch: authorized }) });
  return walk(async (operation, variables) => {
    const document = gql(documents[operation]);
    const isQuery = documents[operation].includes(`query ${operation}`);
    const { data } = isQuery ? await client.query({ query: document, variables }) : await client.mutate({ mutation: document, variables });
    return withoutTypeNames(data);
  });
}

async function urql() {
  const client = new Client({ url, fetch: authorized, exchanges: [fetchExchange] });
  return walk(async (operation, variables) => {
    const kind = documents[operation].includes(`query ${operation}`) ? "query" : "mutation";
    const { data, error } = await client[kind](documents[operation], variables);
    if (error) throw error;
    return data;
  });
}

async function graphqlRequest() {
  const client = new GraphQLClient(url, { fetch: authorized });
  return walk((operation, variables) => client.request(documents[operation], variables));
}

const withoutTypeNames = (value) => JSON.parse(JSON.stringify(value, (key, part) => (key === "__typename" ? undefined : part)));

// The app: relay/Customers.js, which has a list that pages, customers that are read again by id, and a subscription; and the month's documents.
function compiled() {
  const source = join(folder, "relay");
  mkdirSync(source, { recursive: true });
  cpSync(join(import.meta.dirname, "relay"), source, { recursive: true });
  const named = text
    .replaceAll(/^(query|mutation) (\w+)/gm, (_, kind, operation) => `${kind} Month${operation}${kind === "query" ? "Query" : "Mutation"}`)
    .replaceAll(/^fragment (\w+)/gm, "fragment Month_$1")
    .replaceAll(/\.\.\.(\w+)/g, "...Month_$1 @relay(mask: false)");
  const tags = named.split(/\n\n(?=query|mutation|fragment)/).map((document, number) => `export const d${number} = graphql\`${document}\`;\n`);
  writeFileSync(join(source, "Month.js"), `import { graphql } from "relay-runtime";\n${tags.join("")}`);
  const config = { src: "./relay", schema: "./schema.graphql", language: "javascript", eagerEsModules: false };
  writeFileSync(join(folder, "relay.config.json"), JSON.stringify(config));
  execFileSync(process.execPath, [require.resolve("relay-compiler/cli.js"), "relay.config.json"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  return (artifact) => require(join(source, "__generated__", `${artifact}.graphql.js`));
}

async function relay() {
  const runtime = require("relay-runtime"), artifact = compiled();
  const { Environment, Network, Observable, RecordSource, Store } = runtime;
  const post = async ({ text: query }, variables) => {
    const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ query, variables }) };
    return (await authorized(url, options)).json();
  };
  const socket = createClient({ url: url.replace("http", "ws"), webSocketImpl: WebSocket, lazy: true, connectionParams: () => ({ authorization: `Bearer ${token}` }) });
  const follow = ({ text: query }, variables) => Observable.create((sink) => socket.subscribe({ query, variables }, sink));
  const environment = new Environment({ network: Network.create(post, follow), store: new Store(new RecordSource()) });
  const query = (request, variables) => runtime.fetchQuery(environment, request, variables, { fetchPolicy: "network-only" }).toPromise();
  const look = (fragment, ref) => environment.lookup(runtime.getSelector(fragment, ref)).data;

  const list = artifact("Customers_page"), row = artifact("Customers_row"), page = artifact("CustomersQuery");
  const shown = () => look(list, environment.lookup(runtime.createOperationDescriptor(page, { first: 1 }).fragment).data).customers;
  const names = () => shown().edges.map(({ node }) => look(row, node).name);
  const pages = [], refetched = [], live = [];

  async function customers() {
    const operation = runtime.createOperationDescriptor(page, { first: 1 });
    environment.retain(operation);
    await query(page, { first: 1 });
    pages.push(names());
    const { paginationRequest, paginationMetadata } = runtime.getPaginationMetadata(list, "next page");
    const next = runtime.getPaginationVariables("forward", 1, shown().pageInfo.endCursor, { first: 1 }, {}, paginationMetadata);
    environment.retain(runtime.createOperationDescriptor(paginationRequest, next));
    await query(paginationRequest, next);
    pages.push(names());
  }

  async function refetch(id) {
    const { refetchableRequest, identifierInfo } = runtime.getRefetchMetadata(row, "again");
    await query(refetchableRequest, { [identifierInfo.identifierQueryVariableName]: id });
    return look(row, shown().edges[0].node).outstanding;
  }

  function subscribe() {
    return new Promise((done, failed) => {
      socket.on("message", ({ type }) => type === "connection_ack" && setTimeout(done, 300));
      const onNext = ({ paymentRecorded }) => live.push(paymentRecorded.payment.amount);
      runtime.requestSubscription(environment, { subscription: artifact("CustomersSubscription"), variables: {}, onNext, onError: failed });
    });
  }

  const figures = await walk(async (operation, variables) => {
    if (operation === "RecordPayment") {
      await subscribe();
      await customers();
      refetched.push(await refetch(variables.input.customerId));
    }
    const isQuery = documents[operation].includes(`query ${operation}`);
    const request = artifact(`Month${operation}${isQuery ? "Query" : "Mutation"}`);
    const data = isQuery
      ? await query(request, variables)
      : await new Promise((onCompleted, onError) => runtime.commitMutation(environment, { mutation: request, variables, onCompleted, onError }));
    if (operation === "RecordPayment") refetched.push(look(row, shown().edges[0].node).outstanding, await refetch(variables.input.customerId));
    return data;
  });
  while (live.length < 3) await new Promise((done) => setTimeout(done, 50));
  return { ...withoutFragments(figures), pages, refetched, live };
}

const withoutFragments = (value) => JSON.parse(JSON.stringify(value, (key, part) => (key.startsWith("__") ? undefined : part)));

console.log(JSON.stringify(await { apollo, urql, "graphql-request": graphqlRequest, relay }[name]()));
process.exit(0);
