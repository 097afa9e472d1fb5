-- wrk: posts an event in every request, each with a body of its own.
--   wrk ... -s deliveries.lua URL -- RUN AUTHORIZATION CONNECTION MILLISECONDS
-- CONNECTION: keep or close. MILLISECONDS: mean pause of a connection between two requests; 0: none.
-- The last line of output is one JSON document.
local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local count, run, pause = 0, "", 0
function init(arguments)
  run = arguments[1]
  wrk.headers["Authorization"] = arguments[2]
  wrk.headers["Content-Type"] = "application/json"
  if arguments[3] == "close" then wrk.headers["Connection"] = "close" end
  pause = tonumber(arguments[4])
  if pause > 0 then
    math.randomseed(number + 1)
    -- Evenly spread around the mean, so that connections do not march in step.
    delay = function() return math.floor(math.random() * 2 * pause + 0.5) end
  end
end

function request()
  count = count + 1
  return wrk.format("POST", nil, nil, string.format(
    '{"type": "session_start", "trans_date": %d, "app_id": "bench-app", "room_id": "room-%s", ' ..
    '"conf_num": "%s-%d-%d", "concurrent_sessions": {"total_sessions": 1, "max_sessions": 10}}',
    os.time(), run, run, number, count))
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, errors.connect + errors.read + errors.write + errors.status +
    errors.timeout))
end
