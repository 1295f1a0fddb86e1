// node client.js PORT USER: log in with the password of the environment, add a secret, read it, and ask for one that isn't there.
const { RouterOSAPI } = require('node-routeros');
const [port, user] = process.argv.slice(2);
const api = new RouterOSAPI({ host: '127.0.0.1', port: Number(port), user, password: process.env.ROUTER_PASSWORD, timeout: 3 });

(async () => {
  await api.connect();
  const added = await api.write('/ppp/secret/add', ['=name=dari node', '=profile=10M']);
  const found = await api.write('/ppp/secret/print', ['?name=dari node']);
  console.log(JSON.stringify({ added, found }));
  const none = await api.write('/ppp/secret/print', ['?name=nobody']);
  console.log(JSON.stringify({ none }));
  await api.close();
})().catch((error) => { console.error(error.errno || error.message); process.exit(2); });
