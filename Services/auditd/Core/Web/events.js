// What a message of a recording says, in words; nothing for streams, and for what belongs to others.
const tellers = {
  0: (b) => `connected from ${b.remoteAddr}`,
  1: () => "disconnected",
  101: (b) => `password of ${b.username} accepted`,
  102: (b) => ({ text: `password of ${b.username} refused`, isBad: true }),
  103: (b) => ({ text: `password of ${b.username}: ${b.reason}`, isBad: true }),
  105: (b) => `key of ${b.username} accepted`,
  106: (b) => ({ text: `key of ${b.username} refused`, isBad: true }),
  107: (b) => ({ text: `key of ${b.username}: ${b.reason}`, isBad: true }),
  108: (b) => `${b.username} asked ${(b.questions ?? []).map((q) => q.question.trim()).join(", ") || "nothing"}`,
  110: (b) => ({ text: `answers of ${b.Username} refused`, isBad: true }),
  111: (b) => ({ text: `questions for ${b.username}: ${b.reason}`, isBad: true }),
  198: (b) => ({ text: `login failed: ${b.reason}`, isBad: true }),
  199: (b) => `logged in as ${b.username}`,
  200: (b) => special(b) ?? `asked for ${b.requestType}`,
  201: (b) => ({ text: `malformed ${b.requestType}`, isBad: true }),
  202: (b) => `listens on ${b.BindHost || "*"}:${b.BindPort}`,
  203: (b) => `listens no more on ${b.BindHost || "*"}:${b.BindPort}`,
  204: (b) => `listens on ${b.Path}`,
  205: (b) => `listens no more on ${b.Path}`,
  302: (b) => ({ text: `${b.channelType} refused: ${b.reason}`, isBad: true }),
  303: (b) => `connects to ${b.HostToConnect}:${b.PortToConnect}`,
  304: (b) => `connection from ${b.OriginatorHost} to ${b.ConnectedHost || "*"}:${b.ConnectedPort}`,
  305: (b) => `X11 window from ${b.OriginatorHost}`,
  306: (b) => `connects to ${b.Path}`,
  307: (b) => `connection to ${b.Path}`,
  401: (b) => ({ text: `malformed ${b.requestType}`, isBad: true }),
  403: (b) => `runs ${b.program}`,
  404: (b) => `terminal ${b.term}, ${b.columns}×${b.rows}`,
  405: () => "shell",
  406: (b) => `signal ${b.signal}`,
  407: (b) => `subsystem ${b.subsystem}`,
  408: (b) => `terminal now ${b.columns}×${b.rows}`,
  409: () => "forwards X11",
  498: (b) => ({ text: `ended by signal ${b.signal}`, isBad: true }),
  499: (b) => ({ text: `ended with status ${b.exitStatus}`, isBad: b.exitStatus !== 0 }),
  501: (b) => ({ text: `refused: ${b.reason}`, isBad: true }),
};

function special(body) {
  switch (body.requestType) {
    case "container@berth": return body.container && `in container ${body.container}`;
    case "gssapi@berth": return body.outcome && { text: `Kerberos login of ${body.username}: ${body.outcome} ${body.reason}`, isBad: ["failed", "unavailable"].includes(body.outcome) };
    case "recording-gap@berth": return body.lostMessages && { text: `${body.lostMessages} messages and ${body.lostBytes} bytes were not recorded`, isBad: true };
    default: return undefined;
  }
}

export function describe(message) {
  const told = tellers[message.type]?.(message.payload ?? {});
  return typeof told === "string" ? { text: told, isBad: false } : told;
}
