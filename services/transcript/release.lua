-- Gives a session up. The fence rises at the next claim all the same: it is never below the time.
-- KEYS: owner, fence, stream, index.  ARGV: fence, milliseconds after which the store may forget what is archived, or 0 = never.
-- Answers 1, or 0 if it is somebody else's by now.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '0' then
  for at = 2, 4 do
    redis.call('PEXPIRE', KEYS[at], ARGV[2])
  end
end
return 1
