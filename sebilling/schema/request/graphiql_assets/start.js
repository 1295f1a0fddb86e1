// Starts GraphiQL with the prepared operations. Its requests carry the header that lets them use the cookie of a browser's sign-in.
const url = window.location.href.split(/[?#]/)[0];
const fetcher = GraphiQL.createFetcher({
  url,
  headers: { "GraphQL-Require-Preflight": "1" },
  subscriptionUrl: url.replace(/^http/, "ws"),
});
const operations = JSON.parse(document.getElementById("operations").textContent);
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: operations,
    defaultEditorToolsVisibility: true,
    inputValueDeprecation: true,
    plugins: [GraphiQLPluginExplorer.explorerPlugin()],
    shouldPersistHeaders: false,
  }),
);
