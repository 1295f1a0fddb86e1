#!/bin/sh
# Fetch GraphiQL's files by npm at these versions, and check that they are those of SHA256SUMS. After changing a version: --pin.
set -eu
folder=$(cd "$(dirname "$0")/../sebilling/schema/request/graphiql_assets" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() { # package@version, file in it, its name here
    mkdir -p "$work/$3"
    (cd "$work/$3" && tar -xzf "$(npm pack --silent "$1")")
    grep -v '^//# sourceMappingURL' "$work/$3/package/$2" > "$folder/$3"
}

fetch react@18.3.1 umd/react.production.min.js react.js
fetch react-dom@18.3.1 umd/react-dom.production.min.js react-dom.js
fetch graphiql@3.9.0 graphiql.min.js graphiql.js
fetch graphiql@3.9.0 graphiql.min.css graphiql.css
fetch @graphiql/plugin-explorer@3.2.5 dist/index.umd.js explorer.js
fetch @graphiql/plugin-explorer@3.2.5 dist/style.css explorer.css

cd "$folder"
if [ "${1:-}" = --pin ]; then
    sha256sum react.js react-dom.js graphiql.js graphiql.css explorer.js explorer.css > SHA256SUMS
fi
sha256sum --check --quiet SHA256SUMS
