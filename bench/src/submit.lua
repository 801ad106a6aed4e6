-- wrk -s bench/src/submit.lua URL -- BODIES_FILE [TENANT]
-- Posts one line of the file a request, from its start again when it ends, and prints a line of JSON with the statuses.
local file, head

function init(args)
  file = assert(io.open(args[1], "rb"))
  local tenant = args[2] and ("X-Tenant-Id: " .. args[2] .. "\r\n") or ""
  head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nContent-Type: application/json\r\n" .. tenant .. "Content-Length: "
end

function request()
  local body = file:read("*l")
  if body == nil then
    file:seek("set", 0)
    body = file:read("*l")
  end
  return head .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"durationMs":%.3f,"perSecond":%.1f,"p50Ms":%.3f,"p95Ms":%.3f,"p99Ms":%.3f,"non2xx":%d,"socketErrors":%d}\n',
    summary.requests, summary.duration / 1000, summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
