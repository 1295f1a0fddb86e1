// A page of a Relay app: a query with pagination, an object that is read again by its id, and a subscription.
import { graphql } from "relay-runtime";

export const page = graphql`
  query CustomersQuery($first: Int, $after: String) {
    ...Customers_page @arguments(first: $first, after: $after)
    me { username permissions }
  }
`;

export const list = graphql`
  fragment Customers_page on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" })
  @refetchable(queryName: "CustomersPageQuery") {
    customers(first: $first, after: $after) @connection(key: "Customers_customers") {
      edges { node { id ...Customers_row } }
    }
  }
`;

export const row = graphql`
  fragment Customers_row on Customer @refetchable(queryName: "CustomersRowQuery") {
    id code name outstanding
    counter { id name }
    openInvoices { id number dueOn outstanding }
  }
`;

export const live = graphql`
  subscription CustomersSubscription($after: String) {
    paymentRecorded(after: $after) { cursor payment { id amount customer { id outstanding } } }
  }
`;

export const change = graphql`
  mutation CustomersMutation($input: UpdateCustomerInput!) {
    updateCustomer(input: $input) { customer { id version name } errors { code message field } }
  }
`;
