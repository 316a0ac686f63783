/** The one thing that is used of the package, by name: so a bundler leaves its thousand models out. */
export { KubeConfig } from '@kubernetes/client-node';
