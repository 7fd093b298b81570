/** The documented example of a policy, with what each part does. */
export const examplePolicy = `# Who may be pulled from: the first path segment after the registry.
publishers:
  allowed:
    - zhi-project
    - company-internal
  blocked:
    - untrusted-publisher
# What is never delivered: patterns over registry/repository:tag.
artifacts:
  blocked:
    - "*/zhi-*-deprecated:*"
# zhi plugins must be verified by the marketplace.
plugins:
  requireVerified: true
`;
