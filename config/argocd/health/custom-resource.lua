-- Health of a ShardMigration, CRRPolicy or TieringPolicy, from its conditions as kstatus reads them.
-- Runs without Lua's libraries: conditions and phases are compared, never matched.

local function answer(status, message)
  return { status = status, message = message }
end

local function condition(wanted)
  for _, each in ipairs(obj.status.conditions) do
    if each.type == wanted then
      return each
    end
  end
  return { status = "Unknown", reason = "", message = "" }
end

local function message(reported)
  if reported.message ~= nil and reported.message ~= "" then
    return reported.message
  end
  return obj.status.message or reported.reason
end

if obj.status == nil or obj.status.conditions == nil then
  return answer("Progressing", "Waiting for the operator to take it up")
end
-- Older conditions are about an older spec.
if obj.metadata.generation ~= nil and obj.status.observedGeneration ~= obj.metadata.generation then
  return answer("Progressing", "The newest spec was not looked at yet")
end

local ready = condition("Ready")
local paused = condition("Paused")
local stalled = condition("Stalled")
local reconciling = condition("Reconciling")

if ready.status == "True" then
  return answer("Healthy", message(ready))
end
if stalled.status == "True" then
  return answer("Degraded", message(stalled))
end
-- Not stalled, since it is being worked on; but what was asked for will not come of it.
if obj.status.phase == "RollingBack" or (obj.status.rollout ~= nil and obj.status.rollout.reverting) then
  return answer("Degraded", obj.status.message)
end
if paused.status == "True" then
  return answer("Suspended", message(paused))
end
if ready.reason == "AwaitingApproval" then
  return answer("Suspended", message(ready))
end
if reconciling.status == "True" then
  return answer("Progressing", obj.status.message or message(reconciling))
end
-- Nobody works on it, and it is not there: for one, a fleet that does not support the policy.
return answer("Degraded", message(ready))
