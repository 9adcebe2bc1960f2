-- Gives a session up. The fence stays, so that it rises at the next claim.
-- KEYS: owner, fence.  ARGV: fence.  Answers 1, or 0 if it is somebody else's by now.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
return 1
