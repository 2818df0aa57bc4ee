import { start } from './start.js';

const load = async (name: 'fields' | 'recipe' | 'named') => (await import('./holdfast.js')).holdfast(name);

start([
  { name: 'Holdfast', load: () => load('fields') },
  { name: 'Holdfast, update(recipe)', variant: true, load: () => load('recipe') },
  { name: 'Holdfast, mutate(named)', variant: true, load: () => load('named') },
]);
