/** Optional accelerators of other packages: asked for at run time, absent here, and Node would warn of each. */
const absent = {
  name: 'absent',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(encoding|supports-color|bufferutil|utf-8-validate)$/ }, ({ path }) => ({
      path,
      namespace: 'absent',
    }));
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'module.exports = undefined;' }));
  },
};

/**
 * What both forms of the program share: the packages are inside, cut down to what is used of them. Most of
 * @kubernetes/client-node is generated models that nobody asks for: 40 MiB of memory when it is loaded whole.
 */
export const bundling = {
  entryPoints: ['src/main.ts'],
  bundle: true,
  platform: 'node',
  target: 'node20',
  define: { 'process.env.WS_NO_BUFFER_UTIL': '"1"', 'process.env.WS_NO_UTF_8_VALIDATE': '"1"' },
  plugins: [absent],
  logLevel: 'warning',
};
