-- Requests from a file: headers, an empty line, then "METHOD path [body]" a
-- line; they are sent in turn, beginning anywhere.  A "@" in a body becomes a
-- text that no other request has.  Prints one line for Load.pm to read.

local threads = 0

function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

function init(args)
    local headers, head = {}, true

    math.randomseed(os.time() + number)
    all, prefix, count = {}, args[2] .. "-" .. number .. "-", 0

    for line in io.lines(args[1]) do
        if head and line == "" then
            head = false
        elseif head then
            local name, value = line:match("^(%S+): (.*)$")
            headers[name] = value
        else
            local method, path, body = line:match("^(%S+) (%S+) ?(.*)$")
            if body == "" then
                all[#all + 1] = wrk.format(method, path, headers)
            else
                headers["Content-Type"] = "application/json"
                all[#all + 1] = { method, path, headers, body }
            end
        end
    end

    at = math.random(#all)
end

function request()
    at = at % #all + 1

    local r = all[at]
    if type(r) == "string" then
        return r
    end

    count = count + 1
    return wrk.format(r[1], r[2], r[3], (r[4]:gsub("@", prefix .. count)))
end

function done(summary)
    local e = summary.errors
    print(string.format("bench %d %d %d %d", summary.requests,
          summary.duration, e.status, e.connect + e.read + e.write
          + e.timeout))
end
