-- Reserve tokens of a session's rolling hour. KEYS[1] hash of slot -> tokens; ARGV: this slot, the oldest slot that counts, tokens wanted, most in an hour.
-- Answers what is left after it, or -1 when it does not fit (then nothing is reserved).
local spent = 0
local slots = redis.call('HGETALL', KEYS[1])
for at = 1, #slots, 2 do
  if tonumber(slots[at]) < tonumber(ARGV[2]) then
    redis.call('HDEL', KEYS[1], slots[at])
  else
    spent = spent + tonumber(slots[at + 1])
  end
end
local left = tonumber(ARGV[4]) - spent - tonumber(ARGV[3])
if left < 0 then
  return -1
end
redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], 7200)
return left
