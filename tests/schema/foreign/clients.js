// node clients.js URL USERNAME PASSWORD: what urql and Apollo Client get with their default settings, and with automatic persisted queries
// by POST and by GET. One line of JSON: the answers and the requests of each client.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { createHash } from "node:crypto";

const [url, username, password] = process.argv.slice(2);
const signIn = "mutation SignIn($input: SignInInput!) { signIn(input: $input) { token errors { code } } }";
const texts = (name) => {
  const me = `query Me${name} { me { username } }`;
  return [me, me, `query Wrong${name} { customer(id: "inv_1") { name } }`];
};
const live = "subscription Live { paymentRecorded { eventId } }";
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const generateHash = async (text) => sha256(text);

let token, requests;
const watched = (address, options) => {
  const query = options.body ? JSON.parse(options.body).query : new URL(address).searchParams.get("query");
  requests.push(`${options.method ?? "GET"} ${query ? "text" : "hash"}`);
  return fetch(address, { ...options, headers: { ...options.headers, ...(token && { authorization: `Bearer ${token}` }) } });
};

async function urql(name, options, exchanges) {
  requests = [];
  const client = new Client({ url, fetch: watched, exchanges: [...exchanges, fetchExchange], ...options });
  if (!token) token = (await client.mutation(signIn, { input: { username, password } })).data.signIn.token;
  const answers = [];
  for (const text of texts(name)) {
    const { data, error } = await client.query(text, {}, { requestPolicy: "network-only" });
    answers.push(data?.me?.username ?? error.graphQLErrors[0]?.extensions.code ?? String(error));
  }
  return { answers, requests };
}

async function apollo(name, link) {
  requests = [];
  const client = new ApolloClient({ cache: new InMemoryCache(), link: ApolloLink.from([...link, new HttpLink({ uri: url, fetch: watched })]) });
  const answers = [];
  for (const text of texts(name)) {
    try {
      answers.push((await client.query({ query: gql(text), fetchPolicy: "network-only" })).data.me.username);
    } catch (error) {
      answers.push(error.errors?.[0].extensions.code ?? String(error));
    }
  }
  return { answers, requests };
}

async function subscribed() {
  requests = [];
  const client = new Client({ url, fetch: watched, exchanges: [fetchExchange], fetchSubscriptions: true });
  return new Promise((done) => {
    const { unsubscribe } = client.subscription(live, {}).subscribe((answer) => done([answer, unsubscribe]));
    setTimeout(() => done(["open", unsubscribe]), 1500);
  }).then(([answer, unsubscribe]) => (unsubscribe(), answer.error ? String(answer.error) : answer));
}

const results = {
  urql: await urql("A", {}, []),
  urqlByPost: await urql("B", { preferGetMethod: false }, []),
  urqlPersisted: await urql("C", {}, [persistedExchange({ generateHash })]),
  urqlPersistedByPost: await urql("D", {}, [persistedExchange({ generateHash, preferGetForPersistedQueries: false })]),
  urqlSubscription: await subscribed(),
  apollo: await apollo("E", []),
  apolloPersisted: await apollo("F", [new PersistedQueryLink({ sha256 })]),
  apolloPersistedByGet: await apollo("G", [new PersistedQueryLink({ sha256, useGETForHashedQueries: true })]),
};
console.log(JSON.stringify(results));
process.exit(0);
