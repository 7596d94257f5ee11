# By repository, with the tag (and the digest, after @) that runs now: the policy goes on from there.
terraform import delivery_image_policy.web registry.example.com/team/web:1.3.9-alpine
