import { InclavareError } from "@inclavare/errors";

const MAX_LENGTH = 255;

/**
 * Checks a container's id by runc's rule: letters, digits, `_`, `+`, `-`, `.`; neither `.` nor `..`. It becomes a
 * directory's name, so it has at most 255 characters.
 * @throws ERR_OCI_CONTAINER_ID
 */
export function validateContainerId(id: string): void {
  if (id.length === 0 || id.length > MAX_LENGTH) {
    throw invalid(`has ${id.length} characters, expected 1 to ${MAX_LENGTH}`);
  }
  if (!/^[A-Za-z0-9_+.-]+$/u.test(id) || id === "." || id === "..") {
    throw invalid(`is ${JSON.stringify(id)}, expected letters, digits, _ + - . and neither "." nor ".."`);
  }
}

function invalid(message: string): InclavareError {
  return new InclavareError("ERR_OCI_CONTAINER_ID", `container id ${message}`);
}
