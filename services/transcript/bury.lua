-- Takes the oldest facts out of a stream, bytes and all. (XTRIM and XDEL only mark entries; the text would stay in memory and on disk.)
-- KEYS: stream, fence.  ARGV: fence, the last seq that goes.  What is archived alone may go; one later fact at least must stand.
-- Answers how many went, or -1 if somebody else has claimed the session since.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return -1
end
local rest = redis.call('XRANGE', KEYS[1], string.format('%.0f-0', tonumber(ARGV[2]) + 1), '+')
local gone = redis.call('XLEN', KEYS[1]) - #rest
if gone > 0 and #rest > 0 then
  redis.call('DEL', KEYS[1])
  for _, entry in ipairs(rest) do
    redis.call('XADD', KEYS[1], entry[1], unpack(entry[2]))
  end
end
return gone
