#!/bin/sh
# A stand-in service: answers on its port with the name and version of its image until it is told to stop.
trap 'exit 0' TERM INT
mkdir -p /tmp/www
echo "$IMAGE_NAME $IMAGE_VERSION" >/tmp/www/index.html
httpd -p "${PORT:-8080}" -h /tmp/www
while :; do
	sleep 3600 &
	wait $!
done
