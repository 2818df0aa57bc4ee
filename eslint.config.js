import reactHooks from 'eslint-plugin-react-hooks';
import storybook from 'eslint-plugin-storybook';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

// The house: react → engine → domain; adapters → ports + domain; only entries import adapters.
// Each row: a layer, what it must not import, and the globals it gets through ports instead.
const EFFECTS = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'fetch',
  'navigator',
  'crypto',
  'indexedDB',
  'localStorage',
  'window',
  'document',
  'performance',
];
const layer = (folder, forbidden, why, globals = []) => ({
  files: [`src/${folder}/**`],
  rules: {
    'no-restricted-imports': ['error', { patterns: [{ group: forbidden, message: why }] }],
    ...(globals.length > 0 && {
      'no-restricted-globals': [
        'error',
        ...globals.map((name) => ({ name, message: 'Take it as an argument or through a port.' })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Take a Random.' },
        { object: 'Date', property: 'now', message: 'Take a Clock.' },
      ],
    }),
  },
});
const not = (...folders) => folders.flatMap((f) => [`**/${f}/*`, `**/${f}.js`]);

export default defineConfig(
  globalIgnores([
    'dist',
    'dist-*',
    'coverage',
    'storybook-static',
    'bench/peers',
    '**/*.mjs',
    '**/*.mts',
    '**/*.js',
    '.cache',
    '.data',
  ]),
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-invalid-void-type': ['error', { allowInGenericTypeArguments: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
    },
  },
  layer(
    'domain',
    [...not('engine', 'adapters', 'react', 'server', 'testing'), 'dexie', 'zustand*', 'react*'],
    'domain is pure: it imports only domain (and immer).',
    EFFECTS,
  ),
  layer(
    'engine',
    [...not('adapters', 'react', 'server', 'testing'), 'dexie', 'react*'],
    'engine imports only engine and domain; effects come through ports.',
    EFFECTS,
  ),
  layer(
    'adapters',
    [...not('react', 'server', 'testing'), 'react*', 'zustand*', '**/engine/!(ports).js'],
    'adapters import ports and domain.',
  ),
  layer(
    'react',
    [...not('adapters', 'server', 'testing'), 'dexie'],
    'react imports engine and domain.',
    EFFECTS,
  ),
  layer(
    'server',
    [...not('engine', 'adapters', 'react', 'testing'), 'dexie', 'react*', 'zustand*'],
    'the server shares nothing with the client but the protocol.',
  ),
  reactHooks.configs.flat['recommended-latest'],
  ...storybook.configs['flat/recommended'],
  {
    files: ['test/**', 'stories/**', 'bench/**'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/require-await': 'off',
      'max-lines': 'off',
    },
  },
);
