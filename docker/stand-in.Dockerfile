# A stand-in for the official apache/airflow image, for image-test.sh, where no image can be pulled.
# It has the official layout: Airflow in a virtual environment at /home/airflow/.local, user 50000
# in group 0, the list of what it ships at /home/airflow/constraints.txt, its SHELL.

FROM scratch
ARG AIRFLOW_VERSION

# Debian with Python, made by debootstrap
ADD rootfs.tar /

RUN useradd --uid 50000 --gid 0 --create-home --home-dir /home/airflow --shell /bin/bash airflow \
    && mkdir -p /opt/airflow/dags /opt/airflow/logs \
    && chown -R airflow:0 /opt/airflow \
    && chmod -R g+rw /opt/airflow

ENV LANG=C.UTF-8 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW_VERSION=${AIRFLOW_VERSION} \
    AIRFLOW__CORE__LOAD_EXAMPLES=false \
    VIRTUAL_ENV=/home/airflow/.local \
    PATH=/home/airflow/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

SHELL ["/bin/bash", "-o", "pipefail", "-o", "errexit", "-o", "nounset", "-o", "nolog", "-c"]
USER 50000
WORKDIR /opt/airflow

RUN python3 -m venv --upgrade-deps "${VIRTUAL_ENV}" \
    && pip install --no-cache-dir "apache-airflow==${AIRFLOW_VERSION}" \
    && pip list --format=freeze > /home/airflow/constraints.txt
