/** Whether an execute_request shows nothing; what can't be read shows nothing either. @param content  its content part */
export function isSilent(content: Buffer): boolean {
  try {
    return (JSON.parse(content.toString()) as { silent?: unknown }).silent === true;
  } catch {
    return true;
  }
}
