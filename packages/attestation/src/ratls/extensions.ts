/** Where producers of RA-TLS certificates put their evidence. */

/** Tagged evidence; the extension's value is the CBOR itself. @see CCC Interoperable RA-TLS */
export const EVIDENCE_EXTENSION = "2.23.133.5.4.9";

/** A raw quote, whose report data is the hash of the certificate's key. */
export const RAW_QUOTE_EXTENSIONS = [
  // Intel's early RA-TLS, Enclave-TLS and rats-tls; the second as Gramine mis-encodes it.
  "1.2.840.113741.1337.6",
  "0.6.9.42.840.113741.1337.6",
  // A TDX quote, of rats-tls 0.6.4.
  "1.2.840.113741.1337.8",
  // Intel SGX SDK; the same OID as the SGX extensions of a PCK certificate.
  "1.2.840.113741.1.13.1",
] as const;

/** Open Enclave and EGo, by their older and newer OIDs. */
export const OPEN_ENCLAVE_REPORT_EXTENSIONS = ["1.2.840.113556.10.1.1", "1.3.6.1.4.1.311.105.1"] as const;
export const OPEN_ENCLAVE_EVIDENCE_EXTENSIONS = ["1.2.840.113556.10.1.2", "1.3.6.1.4.1.311.105.2"] as const;

/** What is recognised only to be refused by its name. */
export const UNSUPPORTED_EXTENSIONS: ReadonlyMap<string, string> = new Map([
  ...[2, 3, 4, 5].map(
    (arc) => [`1.2.840.113741.1337.${arc}`, "an EPID attestation, a service that Intel ended"] as const,
  ),
  ["1.2.840.113741.1337.14", "a local report, which only the CPU that made it can check"],
]);
