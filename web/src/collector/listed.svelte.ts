// What the list of customers shows, kept while the collector goes to a customer and back.
import type { View } from './customers';

class Listed {
  search = $state('');
  counterId = $state('');
  view = $state<View>('owing');
}

export const listed = new Listed();
