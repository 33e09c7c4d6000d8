extension MessageCode {
    package static let ociImageNotFound = MessageCode(
        "OCI_IMAGE_NOT_FOUND",
        .error,
        explanation: "The image store has no image of that name.",
        personText: "The system image of your session is not installed on this server.",
        remedy: "See berth image list; bring the image in with berth image import, or correct "
            + "oci.image and oci.imageDirectory."
    )

    package static let ociImageNameInvalid = MessageCode(
        "OCI_IMAGE_NAME_INVALID",
        .error,
        explanation: "That is not a name that an image can have.",
        personText: "The system image of your session has an invalid name.",
        remedy: "Use letters, digits and . _ - /, with an optional tag after a colon, at most 200 "
            + "characters."
    )

    package static let ociImageInvalid = MessageCode(
        "OCI_IMAGE_INVALID",
        .error,
        explanation: "The file or folder is no image that can be used, or it is damaged.",
        remedy: "The detail says what is wrong with it. A file system as a tar file, an OCI image "
            + "layout, and what docker save writes can be imported."
    )

    package static let ociImageTooLarge = MessageCode(
        "OCI_IMAGE_TOO_LARGE",
        .error,
        explanation: "The image is larger than an import may be.",
        remedy: "Make sure that the image is what it says it is, then raise the limit that the "
            + "detail names."
    )

    package static let ociImageStoreFailed = MessageCode(
        "OCI_IMAGE_STORE_FAILED",
        .error,
        explanation: "The image store could not be read or written.",
        personText: "This server cannot read its system images at the moment.",
        remedy: "The detail holds the kernel's reason: often the disk is full, or the image "
            + "directory needs root."
    )

    /// The codes of the image store.
    static let ociImageCodes: [MessageCode] = [
        ociImageNotFound, ociImageNameInvalid, ociImageInvalid, ociImageTooLarge,
        ociImageStoreFailed,
    ]
}
