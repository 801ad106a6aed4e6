-- Verbs of a rollout that the operator steps; a StatefulSet of anyone else has none of them. Actions run without Lua's libraries, so the
-- phase in the annotation cannot be read here: a verb that it does not allow is refused by the operator, with a Warning event.
local annotations = obj.metadata.annotations or {}
if annotations["fractal.lba.io/managed-rollout"] ~= "true" then
  return {}
end
return {
  ["abort"] = { ["disabled"] = false },
  ["pause"] = { ["disabled"] = false },
  ["resume"] = { ["disabled"] = false },
  ["retry"] = { ["disabled"] = false },
}
