// What a form knows of its mutation: whether it runs, and what was wrong with it.
import type { AnyVariables } from '@urql/svelte';

import type { TypedDocumentString } from '../gql/documents';
import { at, elsewhere, mutate, type UserError } from './api.svelte';

export class Submission {
  errors = $state.raw<readonly UserError[]>([]);
  isBusy = $state(false);
  /** Whether somebody else changed it meanwhile: what it is now stands beside what was typed. */
  isConflict = $derived(this.errors.some((error) => error.code === 'CONFLICT'));

  /** The mutation's payload, or undefined if nothing was changed. */
  async run<Data, Variables extends AnyVariables, Name extends keyof Data>(
    document: TypedDocumentString<Data, Variables>,
    name: Name,
    variables: Variables,
  ): Promise<NonNullable<Data[Name]> | undefined> {
    this.isBusy = true;
    const { payload, errors } = await mutate(document, name, variables);
    this.isBusy = false;
    this.errors = errors;
    return errors.length === 0 ? payload : undefined;
  }

  at(field: string): string {
    return at(this.errors, field);
  }

  elsewhere(...fields: string[]): string {
    return elsewhere(this.errors, ...fields);
  }
}
