-- Changes a mark, if nobody has meanwhile.
-- KEYS: the mark.  ARGV: what it was, and what it is to be, or '' = gone.
-- Answers 1, or 0 if it is something else by now.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2])
end
return 1
