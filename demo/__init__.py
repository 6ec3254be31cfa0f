"""The main job, done before your eyes: keep a credential, serve it, rotate it in a real database.

Everything goes through the network door with plain boto3; nothing here imports Strongroom. Run it with ``make demo``.

    steps        the story, one function a step
    product      starts ``strongroom serve`` and makes clients and users
    postgresql   starts a real PostgreSQL server
    function     packs the rotation function
    application  the application that uses the credential all the time, a process of its own
    screen       what a person sees
"""
