import { z } from 'zod';

/** Who signs without a key. */
export const signerIdentity = z.strictObject({
  subject: z.string().min(1).describe('Glob: the mail address, or the address of the workflow, in the certificate.'),
  issuer: z.string().min(1).describe('Glob: the provider that vouched for the subject.'),
});

const exactlyOne = 'must have exactly one of';

const key = z
  .strictObject({
    pem: z.string().optional().describe('The public key itself.'),
    file: z.string().min(1).optional().describe('A file with it; relative to the policy’s own folder.'),
  })
  .refine(({ pem, file }) => (pem === undefined) !== (file === undefined), `${exactlyOne} pem and file`);

const store = z
  .strictObject({
    pem: z.string().optional().describe('Certificates, one after another.'),
    file: z.string().min(1).optional().describe('A file with them; relative to the policy’s own folder.'),
    level: z.enum(['strict', 'permissive']).default('strict').describe('permissive: what has expired still counts.'),
    subjects: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Only signers with all the parts of one of these names, such as "O=acme, CN=release"; all when absent.',
      ),
  })
  .refine(({ pem, file }) => (pem === undefined) !== (file === undefined), `${exactlyOne} pem and file`);

/** Who is trusted to sign. */
export const trustSection = z.strictObject({
  keys: z.record(z.string(), key).default({}).describe('Public keys by name, as cosign makes them.'),
  identities: z.array(signerIdentity).default([]).describe('Who may sign without a key; needs trustedRoot.'),
  trustedRoot: z
    .strictObject({
      json: z.string().optional().describe('The trusted_root.json itself.'),
      file: z.string().min(1).optional().describe('A file with it; relative to the policy’s own folder.'),
    })
    .refine(({ json, file }) => (json === undefined) !== (file === undefined), `${exactlyOne} json and file`)
    .optional()
    .describe('A Sigstore trusted_root.json: whose certificates and transparency logs are believed, offline.'),
  notation: z.record(z.string(), store).default({}).describe('Trust stores for notation, by name.'),
});

/** A signature that a rule wants, in detail. */
export const signatureRequirement = z.strictObject({
  keys: z.array(z.string().min(1)).default([]).describe('Names of trust.keys, or files with a public key.'),
  identities: z.array(signerIdentity).default([]).describe('Who may have signed without a key.'),
  notation: z.array(z.string().min(1)).default([]).describe('Names of trust.notation.'),
  annotations: z
    .record(z.string(), z.string())
    .default({})
    .describe('What the signature must say besides, word for word.'),
});

export type SignerIdentity = z.output<typeof signerIdentity>;
export type SignatureRequirement = z.output<typeof signatureRequirement>;
