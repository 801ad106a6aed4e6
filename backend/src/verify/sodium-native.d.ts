/** The one function that is used of it. */
declare module 'sodium-native' {
  const sodium: {
    /** Strict: refuses points of low order and encodings that are not canonical. @throws where a buffer has the wrong length. */
    crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
  }
  export default sodium
}
