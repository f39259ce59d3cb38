/**
 * Names of the document object model that the declarations of @node-saml/node-saml expect to be global. We hold no such
 * object; the DOM library of TypeScript would also promise `window`.
 */
declare global {
  type Document = object
  type Element = object
}

export {}
