-- Gives the verb of this action to the operator, which takes the annotation away when it has taken the verb.
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["fractal.lba.io/VERB"] = "argocd"
return obj
