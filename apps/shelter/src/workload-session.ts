import {
  type Appraise,
  connectEnclaveTls,
  createHttpClient,
  createIdentity,
  type EnclaveTlsSocket,
  type Identity,
} from "@inclavare/enclave-tls";

export interface WorkloadAddress {
  /** Where Inclavared listens. */
  readonly via: { readonly host: string; readonly port: number };
  readonly workload: string;
  /** Which container, where several run the workload. */
  readonly container?: string;
}

export interface WorkloadSessionOptions {
  /** Shows itself to the workload only; Inclavared sees a key made for this one connection. */
  readonly identity: Identity;
  readonly appraise: Appraise;
  /** For each of: reaching Inclavared, the tunnel, the session with the workload. */
  readonly timeoutMs: number;
}

const TUNNEL_PROTOCOL = "inclavare-tunnel";

/**
 * Opens an Enclave-TLS session with a workload, end to end, through a tunnel that Inclavared opens. Inclavared is a router
 * that nobody trusts: it is asked for no evidence, and sees ciphertext only.
 * @throws InclavareError what the workload, the router or the appraisal refuses with
 */
export async function openWorkloadSession(
  { via, workload, container }: WorkloadAddress,
  { identity, appraise, timeoutMs }: WorkloadSessionOptions,
): Promise<EnclaveTlsSocket> {
  const outer = await connectEnclaveTls(via, {
    identity: await createIdentity({ now: new Date() }),
    peer: { evidence: "none", authorize: () => true },
    timeoutMs,
  });
  const router = createHttpClient(outer);
  try {
    const query = container === undefined ? "" : `?container=${encodeURIComponent(container)}`;
    const path = `/v1/workloads/${encodeURIComponent(workload)}/tunnel${query}`;
    const tunnel = await router.upgrade({ method: "POST", path, timeoutMs }, TUNNEL_PROTOCOL);
    return await connectEnclaveTls(tunnel, {
      identity,
      peer: { evidence: "required", workload, appraise },
      timeoutMs,
    });
  } catch (error) {
    router.close();
    throw error;
  }
}
