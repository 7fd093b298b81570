import { RequestError } from '../errors.ts';
import type { RegistryRoute } from './router.ts';

/** Methods of each address (distribution-spec "Endpoints"), as `Allow` lists them. */
const methods: Readonly<Record<RegistryRoute['kind'], string>> = {
  base: 'GET, HEAD',
  catalog: 'GET, HEAD',
  manifest: 'GET, HEAD, PUT, DELETE',
  blob: 'GET, HEAD, DELETE',
  uploads: 'POST',
  upload: 'GET, PATCH, PUT, DELETE',
  tags: 'GET, HEAD',
  referrers: 'GET, HEAD',
};

/** The value of `Allow` for an address. */
export function allowedMethods(kind: RegistryRoute['kind']): string {
  return methods[kind];
}

/** @throws RequestError (UNSUPPORTED) when the address has no such method */
export function refuseOtherMethods(kind: RegistryRoute['kind'], method: string): void {
  if (methods[kind].split(', ').includes(method)) return;
  throw new RequestError(
    'UNSUPPORTED',
    `${method.slice(0, 20)} is not possible here; this address takes ${methods[kind]}`,
  );
}
