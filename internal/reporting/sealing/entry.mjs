export { Encrypter, Decrypter, identityToRecipient } from "age-encryption";
export { argon2idAsync } from "@noble/hashes/argon2.js";
export { expand } from "@noble/hashes/hkdf.js";
export { sha256 } from "@noble/hashes/sha2.js";
export { bech32 } from "@scure/base";
