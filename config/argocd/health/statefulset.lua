-- Health of a StatefulSet. One whose updates the operator steps says in an annotation how its rollout goes; Argo CD's own rules see only
-- the partition that holds it, and would call it complete. All others are judged as Argo CD does by itself.

local function answer(status, message)
  return { status = status, message = message }
end

local spec = obj.spec
local status = obj.status
local replicas = spec.replicas or 1

if status == nil or status.observedGeneration == nil or obj.metadata.generation > status.observedGeneration then
  return answer("Progressing", "Waiting for the StatefulSet's spec to be observed")
end

local annotations = obj.metadata.annotations or {}
local rollout = annotations["fractal.lba.io/rollout-status"]

if annotations["fractal.lba.io/managed-rollout"] == "true" and rollout ~= nil then
  -- JSON that the operator wrote: its own phase and message come before those of anything in it.
  local phase = rollout:match('"phase":"(%a+)"') or ""
  local said = rollout:match('"message":"(.-[^\\])"') or ""
  said = said:gsub('\\"', '"')
  if phase == "RolledBack" or phase == "RollingBack" or phase == "Frozen" or phase == "Blocked" then
    return answer("Degraded", said)
  end
  if phase == "Progressing" then
    if rollout:find('"paused":true', 1, true) then
      return answer("Suspended", said)
    end
    return answer("Progressing", said)
  end
  if status.updateRevision ~= status.currentRevision and rollout:match('"revision":"(.-)"') ~= status.updateRevision then
    return answer("Progressing", "Waiting for the operator to roll the new revision out")
  end
  if (status.readyReplicas or 0) < replicas then
    return answer("Progressing", "Waiting for " .. (replicas - (status.readyReplicas or 0)) .. " pods to be ready")
  end
  return answer("Healthy", said)
end

if (status.readyReplicas or 0) < replicas then
  return answer("Progressing", "Waiting for " .. (replicas - (status.readyReplicas or 0)) .. " pods to be ready")
end
local strategy = spec.updateStrategy or {}
if strategy.type == "RollingUpdate" and strategy.rollingUpdate ~= nil and strategy.rollingUpdate.partition ~= nil then
  if (status.updatedReplicas or 0) < replicas - strategy.rollingUpdate.partition then
    return answer("Progressing", "Waiting for the partitioned update to finish")
  end
  return answer("Healthy", "The partitioned update is complete")
end
if strategy.type == "OnDelete" then
  return answer("Healthy", "The StatefulSet has " .. (status.readyReplicas or 0) .. " ready pods")
end
if status.updateRevision ~= status.currentRevision then
  return answer("Progressing", "Waiting for the update to finish: " .. (status.updatedReplicas or 0) .. " pods are at revision " .. status.updateRevision)
end
return answer("Healthy", "The update is complete: " .. (status.currentReplicas or 0) .. " pods are at revision " .. status.currentRevision)
