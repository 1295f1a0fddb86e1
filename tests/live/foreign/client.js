// node client.js URL COUNT: subscribe with the token of the environment, print COUNT payments as they come, then end. A lost line is
// taken up again behind the last cursor.
const { createClient } = require('graphql-ws');
const WebSocket = require('ws');
const [url, count] = process.argv.slice(2);
let cursor = null, seen = 0;
const client = createClient({
  url, webSocketImpl: WebSocket, retryAttempts: 50, retryWait: () => new Promise((done) => setTimeout(done, 300)), shouldRetry: () => true,
  connectionParams: { authorization: `Bearer ${process.env.TOKEN}` },
  on: { connected: () => console.log('connected') },
});
const query = 'subscription($after: String) { paymentRecorded(after: $after) { eventId cursor payment { amount } } }';
const variables = { get after() { return cursor; } }; // read anew whenever it subscribes
client.subscribe({ query, variables }, {
  next: ({ data }) => {
    cursor = data.paymentRecorded.cursor;
    console.log(data.paymentRecorded.payment.amount);
    if (++seen === Number(count)) client.dispose().then?.(() => process.exit(0)) ?? process.exit(0);
  },
  error: (error) => { console.error(JSON.stringify(error.reason ?? error)); process.exit(2); },
  complete: () => process.exit(0),
});
