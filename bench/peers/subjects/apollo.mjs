// Apollo Client: https://www.apollographql.com/docs/react/performance/optimistic-ui, `optimisticResponse` with `update`
// (which Apollo runs again on the layers below), and https://…/api/link/apollo-link-retry.
import { ApolloClient, ApolloLink, gql, InMemoryCache, ServerError } from '@apollo/client';
import { RetryLink } from '@apollo/client/link/retry';
import { Observable } from 'rxjs';

const ROW = gql`query Row { row(id: "1") { id title done n } }`; // prettier-ignore
const FIELDS = ['title', 'done'];
const edit = (field) =>
  gql`mutation Edit($change: Change) { edit(id: "1", change: $change) { id ${field} } }`;
const INCREMENT = gql`
  mutation Increment($change: Change) {
    increment(id: "1", change: $change) {
      by
    }
  }
`;
const edits = Object.fromEntries(FIELDS.map((field) => [field, edit(field)]));

/** The server of one row, as a GraphQL server. */
const graphQL = (line) =>
  new ApolloLink(({ variables: { change } }) => {
    const respond = async () => {
      if (change === undefined) return { data: { row: { __typename: 'Row', ...(await line.read()) } } };
      try {
        return { data: payload(change, await line.write(change)) };
      } catch (error) {
        if (error.status === 422) return { errors: [{ message: 'Refused' }], data: null };
        if (error.status === undefined) throw error;
        const response = new Response(null, { status: error.status, headers: error.headers });
        throw new ServerError(error.message, { response, bodyText: '' });
      }
    };
    return new Observable((observer) => {
      respond().then(
        (result) => { observer.next(result); observer.complete(); }, // prettier-ignore
        (error) => observer.error(error),
      );
    });
  });

const payload = (change, row) =>
  'increment' in change
    ? { increment: { __typename: 'Increment', by: change.increment } }
    : { edit: { __typename: 'Row', ...row } };

function open(line) {
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([new RetryLink(), graphQL(line)]),
  });
  const subscription = client.watchQuery({ query: ROW }).subscribe(() => undefined);
  return {
    row: () => client.cache.readQuery({ query: ROW, optimistic: true }, true)?.row,
    change(change) {
      const field = Object.keys(change)[0];
      const update = (cache, { data }) =>
        cache.modify({ id: 'Row:1', fields: { n: (n) => n + (data?.increment?.by ?? 0) } });
      client
        .mutate({
          mutation: edits[field] ?? INCREMENT,
          variables: { change },
          optimisticResponse: payload(change, { id: '1', ...change }),
          ...(field === 'increment' && { update }),
        })
        .catch(() => undefined);
    },
    close() {
      subscription.unsubscribe();
      client.stop();
    },
  };
}

const noQueue = 'no queue that lasts: what fails after its retries is undone and forgotten';
export default [
  {
    name: 'Apollo Client',
    packages: ['@apollo/client', 'graphql', 'rxjs'],
    docs: 'https://www.apollographql.com/docs/react/performance/optimistic-ui',
    used: 'optimisticResponse, update; RetryLink',
    without: { reload: noQueue, batch: noQueue },
    open,
  },
];
