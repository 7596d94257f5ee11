// In place of the client for Amazon Systems Manager: see ../ec2.
module github.com/aws/aws-sdk-go-v2/service/ssm

go 1.23

require github.com/aws/aws-sdk-go-v2 v1.41.1
